// tsserver loads plugins by the name of a package and nothing behind it, through "main" of package.json, with require(), and calls
// what it gets. Node and bundlers read "exports", and never come here.
import type TS from 'typescript' with { 'resolution-mode': 'require' };
import type { EditorProject, ParkingService } from './editor/language_service.js' with { 'resolution-mode': 'import' };

type Editor = { ParkingService: new (compiler: typeof TS, given: EditorProject) => ParkingService };

function init({ typescript }: { typescript: typeof TS }): { create(given: EditorProject): TS.LanguageService } {
  return {
    create(given) {
      try {
        const { ParkingService: Service } = require('./editor/language_service.js') as Editor;
        return new Service(typescript, given).wrapped();
      } catch {
        // An editor whose Node cannot require ES modules works on without us.
        return given.languageService;
      }
    },
  };
}
export = init;
