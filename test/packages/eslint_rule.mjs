// A rule of ESLint, as plugins have them, which asks a worker thread by synckit: the words of comments must be known to it.
import { createSyncFn } from 'synckit';

const check = createSyncFn(new URL('./eslint_rule_worker.mjs', import.meta.url));

export const spelling = {
  create: (context) => ({
    Program() {
      for (const comment of context.sourceCode.getAllComments()) {
        for (const word of check(comment.value)) context.report({ loc: comment.loc, message: `unknown word ${word}` });
      }
    },
  }),
};
