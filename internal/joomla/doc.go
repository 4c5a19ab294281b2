// Package joomla implements what is specific to Joomla and needs no database:
//
//   - how sessions are stored, who is logged in by them, and which of their
//     values are secret;
//   - how a request names a session (cookies) or a user (API tokens);
//   - where session files and the servers of databases and sessions are;
//   - access rules, second factors and parameters.
//
// # Payloads
//
// A payload is what Joomla's session handler stores. It is a text in one of the
// two session formats of package phpserial, and has one of three forms:
//
//   - up to Joomla 3.4.6: PHP's session variables, with the bytes NUL * NUL, by
//     which PHP marks protected properties, written as the six characters
//     \0\0\0 (JSessionStorageDatabase);
//   - since then: a single variable "joomla", a string that holds the base64
//     text of a serialized Registry (JSession,
//     Joomla\CMS\Session\Storage\JoomlaStorage);
//   - either of them as one array, if session.serialize_handler is
//     php_serialize.
//
// Decode rejects what package phpserial rejects, and a string variable "joomla"
// that is not the base64 text of a Registry as PHP's base64_encode writes it.
// Errors are of type *phpserial.SyntaxError; their offset counts bytes of the
// payload.
package joomla
