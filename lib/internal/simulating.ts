/** Whether a run of `simulate` is under way: then nothing from outside, such as a thread's result, comes to this thread. */
export const simulating = { on: false };
