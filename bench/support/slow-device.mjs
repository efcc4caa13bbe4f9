// slow-device.mjs ASKED ANSWERED: for every byte that comes from one FIFO it writes one to another, 8 ms after it has begun with it. It
// does four at a time. Ends with its standard input.
import { createReadStream, openSync, writeSync } from 'node:fs';

const [, , asked, answered] = process.argv;
const output = openSync(answered, 'r+');
let waiting = 0;
let free = 4;

function begin() {
  for (; waiting > 0 && free > 0; waiting--, free--) {
    setTimeout(() => {
      writeSync(output, 'x');
      free++;
      begin();
    }, 8);
  }
}

// An exit would wait for the thread that reads the FIFO.
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();
createReadStream(asked, { flags: 'r+' }).on('data', (bytes) => {
  waiting += bytes.length;
  begin();
});
