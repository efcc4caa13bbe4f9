import { sleep } from 'stackful';
import { serve } from 'stackful/http';

serve(() => {
  sleep(5);
  return 'hello';
}, { port: 8080 });
