// A reporter that writes `passed failed skipped`, once, for ./dev to add up; behind it a line for each file: milliseconds and name, the slowest first.
import path from 'node:path';

export default async function* counts(source) {
    const sum = { passed: 0, failed: 0, skipped: 0 }, files = [];
    for await (const { type, data } of source) {
        if (type === 'test:summary' && data.file) files.push([Math.round(data.duration_ms), path.relative('.', data.file)]);
        if (type !== 'test:pass' && type !== 'test:fail') continue;
        if (data.details?.type === 'suite') continue;
        if (type === 'test:fail') sum.failed++;
        else if (data.skip !== undefined || data.todo !== undefined) sum.skipped++;
        else sum.passed++;
    }
    yield `${sum.passed} ${sum.failed} ${sum.skipped}\n`;
    for (const [ms, name] of files.sort((a, b) => b[0] - a[0])) yield `${ms} ${name}\n`;
}
