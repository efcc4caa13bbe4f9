import { serve } from 'stackful/http';
import { sleep } from 'stackful';

const seen = new Map<string, number>();
serve((request) => {
  if (seen.has('stop')) return 'stopped';
  sleep(1);
  seen.set(request.path, 1);
  return 'seen';
});
