import { every } from 'stackful';

for (const beat of every(100)) console.log(beat); // expect: wrong-stack
