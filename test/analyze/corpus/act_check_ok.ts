import { sleep, spawn } from 'stackful';

let stock = 1;
const order = (): string => {
  if (stock === 0) return 'sold out';
  stock--;
  sleep(1);
  return 'sold';
};
spawn(order);
spawn(order);
