// Tests of Mocha and of node:test, whose bodies are coroutines; `runner` is the module that has describe and it.
'use strict';
const assert = require('node:assert');
const { current, sleep } = require('stackful');
const { inCoroutine } = require('stackful/embed');

/** Registers them. */
module.exports = ({ describe, it, beforeEach }) => {
  describe('coroutines', () => {
    let prepared;
    beforeEach(inCoroutine(() => {
      sleep(1);
      prepared = current().state;
    }));
    it('passes', inCoroutine(function passes() {
      sleep(1);
      assert.deepEqual([prepared, current().name], ['running', 'passes']);
    }));
    it('takes no callback', inCoroutine((...given) => { assert.ok(given.every((one) => typeof one !== 'function')); }));
    it('fails', inCoroutine(() => {
      sleep(1);
      assert.equal(1, 2, 'one is not two');
    }));
  });
};
