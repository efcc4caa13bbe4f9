import { sleep, spawn } from 'stackful';

const state = { open: 0, most: 2 };
const open = (): boolean => {
  if (state.open >= state.most) return false;
  sleep(1);
  state.open++; // expect: check-then-act
  return true;
};
spawn(open);
spawn(open);
