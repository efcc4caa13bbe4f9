import { spawn, yieldNow } from 'stackful';

interface OnlyInTheSource {
  that: 'makes lines differ';
}

function throwsAfterPark(_: OnlyInTheSource): never {
  yieldNow();
  throw new Error('mapped');
}

spawn(() => throwsAfterPark({ that: 'makes lines differ' })).then(undefined, (error: unknown) => {
  console.log((error as Error).stack);
});
