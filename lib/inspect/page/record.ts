import { byId, h } from './dom.js';

/** Makes the button record a trace, and give it to the browser to keep. */
export function startRecordButton(about: (path: string, query: Readonly<Record<string, string>>) => string): void {
  const button = byId<HTMLButtonElement>('record');
  button.addEventListener('click', () => {
    const { value } = byId<HTMLSelectElement>('seconds');
    button.disabled = true;
    button.textContent = 'Recording …';
    void fetch(about('trace.json', { seconds: value }))
      .then(async (response) => {
        if (!response.ok) throw new Error(await response.text());
        save(await response.blob(), `stackful-trace-${new Date().toISOString().replace(/[:.]/g, '-')}.json`);
        button.title = 'Open the file at ui.perfetto.dev';
      })
      .catch((error: unknown) => { button.title = String(error); })
      .finally(() => {
        button.disabled = false;
        button.textContent = 'Record';
      });
  });
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  h('a', { href: url, download: name }).click();
  // The browser takes it in its own time.
  setTimeout(() => { URL.revokeObjectURL(url); }, 60_000);
}
