/** `record FILE`: a program that ends its process some turns behind its last call to the outside; `replay FILE`: the same from the recording. */
import { record, simulate, spawn, yieldNow } from 'stackful';
import { exists } from 'stackful/fs';

const [, , mode, file] = process.argv;

function program() {
  exists(file);
  const lost = spawn(() => {
    for (let i = 0; i < 5; i++) yieldNow();
    throw new Error('lost');
  });
  try {
    lost.join();
  } catch (error) {
    console.log(error.message);
    process.exit(0);
  }
}

try {
  await (mode === 'record' ? record({ file }, program) : simulate({ replay: file }, program));
} catch (error) {
  console.log(error.cause?.code ?? error.message);
}
