import { sleep, spawn } from 'stackful';

const state = { open: 0, closed: 0 };
const open = (): boolean => {
  if (state.closed > 0) return false;
  sleep(1);
  state.open++;
  return true;
};
spawn(open);
spawn(open);
