import { sleep } from 'stackful';
import { serve } from 'stackful/http';

serve(() => {
  const scratch = Buffer.alloc(1024);
  sleep(1000);
  return scratch;
});
