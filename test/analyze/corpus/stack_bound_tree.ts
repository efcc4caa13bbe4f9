import { spawn } from 'stackful';

interface Tree { children: Tree[] }
function depth(tree: Tree): number {
  let most = 0;
  for (const child of tree.children) most = Math.max(most, depth(child));
  return most + 1;
}
export const measure = (tree: Tree) => spawn(() => depth(tree)); // expect: stack-bound
