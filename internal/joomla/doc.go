// Package joomla holds what is Joomla's own and needs no database:
//
//   - how its sessions are stored, who is logged in by them, and which of their
//     values are secret;
//   - how a request names a session (cookies) or a user (API tokens);
//   - where it finds the files of sessions and the server of its database;
//   - its access rules, second factors and parameters.
//
// # Payloads
//
// A payload is what Joomla's session handler stored. It is a text in one of the
// two session formats of package phpserial, and has one of three forms:
//
//   - up to Joomla 3.4.6: PHP's session variables, with the bytes NUL * NUL, by
//     which PHP marks protected properties, written as the six characters
//     \0\0\0 (JSessionStorageDatabase);
//   - since then: the variable "joomla" alone, a string that holds the base64
//     text of a serialized Registry (JSession,
//     Joomla\CMS\Session\Storage\JoomlaStorage);
//   - either of them as one array, where session.serialize_handler is
//     php_serialize.
//
// Refused is what package phpserial refuses, and a variable "joomla" that is a
// string and holds anything else than base64 as PHP's base64_encode writes it,
// or than a Registry. Errors are of type *phpserial.SyntaxError; their offset
// counts bytes of the payload.
package joomla
