// All tests that the fast part does not have, one after the other.
module.exports = {
  ...require('./.mocharc.json'),
  spec: ['test/**/*.test.ts'],
  ignore: require('./.mocharc.fast.cjs').spec,
};
