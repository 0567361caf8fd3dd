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
