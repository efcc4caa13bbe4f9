export function counted(work: () => Promise<void>): Promise<void> {
  let running = 1;
  return work().finally(() => { running--; console.log(running); });
}
