import { sleep, spawn } from 'stackful';

let stock = 1;
const order = (): string => {
  if (stock === 0) return 'sold out';
  sleep(1);
  if (stock === 0) return 'sold meanwhile';
  stock--;
  return 'sold';
};
spawn(order);
spawn(order);
