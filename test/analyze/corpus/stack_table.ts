import { sleep } from 'stackful';

const commands: Record<string, () => void> = {
  quick: () => console.log('quick'),
  slow: () => sleep(1000),
};
commands[process.argv[2] ?? 'quick']!(); // expect: wrong-stack
