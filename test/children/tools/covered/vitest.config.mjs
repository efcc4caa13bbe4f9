export default {
  test: {
    include: ['*.check.mjs'],
    coverage: { enabled: true, provider: 'v8', reporter: ['json'], include: ['covered.mjs'] },
  },
};
