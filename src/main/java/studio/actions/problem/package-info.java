/** Refusals of requests, the problem documents for them (RFC 9457), and strict parsing of JSON. */
package studio.actions.problem;
