import { sleep, spawn } from 'stackful';

const commands: Record<string, () => void> = {
  quick: () => console.log('quick'),
  slow: () => sleep(1000),
};
spawn(commands[process.argv[2] ?? 'quick']!);
