import { spawn, wait } from 'stackful';

const notify = async (): Promise<void> => { await fetch('http://127.0.0.1/'); };
spawn(() => {
  wait(notify());
  console.log('notified');
});
