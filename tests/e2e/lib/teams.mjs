// A team with a policy, and a key of its own.
let count = 0;

export async function team(server, policy = {}, name = `Team ${++count}`) {
    const { id } = await server.api('POST', '/api/teams', { name, policy });
    const { key, id: key_id } = await server.api('POST', '/api/keys', { name: `${name}'s`, team: id });
    return {
        id, name, key, key_id,
        set: changes => server.api('PATCH', `/api/teams/${id}`, { policy: changes }),
        now: () => server.api('GET', `/api/teams/${id}/limits`),
    };
}

// At most `width` of `total` calls at a time; the answers in their order.
export async function in_parallel(total, width, one) {
    const answers = [];
    let next = 0;
    await Promise.all(Array.from({ length: width }, async () => {
        while (next < total) {
            const at = next++;
            answers[at] = await one(at);
        }
    }));
    return answers;
}

// The last events but those that tell of refusals: these are told now and then, not when they happen, and nothing has changed by them.
const tells_of_refusals = new Set(['caller.unknown', 'access.refused', 'session.throttled', 'session.refused', 'policy.refused', 'limit.refused']);
export const lasting_events = async server => (await server.api('GET', '/api/events?limit=200')).items.filter(one => !tells_of_refusals.has(one.action)).slice(0, 20);
