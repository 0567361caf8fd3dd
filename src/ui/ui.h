/* ui/ui.h: serves the web UI out of the binary.
 *
 * Files are found in a sorted table and go out in the smallest form that the browser takes. Every other path of a page is
 * the shell, one small document with a fresh nonce; the browser's router does the rest. What is not there is said to be
 * not there: a tab of before an upgrade must never run a document as a script.
 *
 * Thread: any loop's; nothing is kept.
 */
#pragma once
#include "http/exchange.h"

/** Whether this request is for the UI: a file of it, or a page (GET or HEAD, and the browser wants HTML). */
bool ui_wants(const struct http_head *head);
/** Answers it. `headers` are the lines that every answer has (request id). Only after ui_wants. */
void ui_serve(struct exchange *exchange, struct str headers);

/** Which form to send: the best of those that are there and that `accept` (Accept-Encoding) allows. */
struct ui_asset;
int ui_form_of(const struct ui_asset *asset, struct str accept);
