import { spawn } from 'stackful';

const notify = async (): Promise<void> => { await fetch('http://127.0.0.1/'); };
spawn(() => {
  notify().catch((error: unknown) => console.error(error));
  void notify();
  const kept = notify();
  return kept;
});
