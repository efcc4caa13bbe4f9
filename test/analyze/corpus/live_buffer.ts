import { sleep } from 'stackful';
import { serve } from 'stackful/http';

serve(() => {
  const scratch = Buffer.alloc(4 * 1024 * 1024); // expect: live-state
  sleep(1000);
  return scratch.subarray(0, 10);
});
