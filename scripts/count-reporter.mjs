/** Ends a test run with the one line that says how many passed, failed and were skipped. */

export default class CountReporter {
  onTestRunEnd(modules, errors) {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      const states = [...module.children.allTests()].map((test) => test.result().state);
      for (const state of states) counts[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1;
      // A file that cannot be read, or a hook that fails, fails no test: it counts as one itself.
      if (!module.ok() && !states.includes('failed')) counts.failed += 1;
    }
    process.on('exit', () => {
      console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    });
  }
}
