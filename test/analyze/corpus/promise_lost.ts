import { spawn } from 'stackful';

const notify = async (): Promise<void> => { await fetch('http://127.0.0.1/'); };
spawn(() => {
  notify(); // expect: lost-promise
  console.log('notified');
});
