import { sleep } from 'stackful';

export function retryLater(work: () => Promise<void>): void {
  work().catch(() => {
    sleep(1000); // expect: wrong-stack
  });
}
