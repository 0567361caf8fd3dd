// A reporter that writes `passed failed skipped`, once, for ./dev to add up.
export default async function* counts(source) {
    const sum = { passed: 0, failed: 0, skipped: 0 };
    for await (const { type, data } of source) {
        if (type !== 'test:pass' && type !== 'test:fail') continue;
        if (data.details?.type === 'suite') continue;
        if (type === 'test:fail') sum.failed++;
        else if (data.skip !== undefined || data.todo !== undefined) sum.skipped++;
        else sum.passed++;
    }
    yield `${sum.passed} ${sum.failed} ${sum.skipped}\n`;
}
