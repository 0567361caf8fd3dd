// Reason codes of attempts and jobs, as a row has room for: the server's own codes with blanks.
export const reasonText = (code: string | null) => (code ? code.replace(/_/g, " ") : "");
