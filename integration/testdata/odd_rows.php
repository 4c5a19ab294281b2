<?php
// Writes the envelope of the rows of a table #__session, as PHP's own drivers and json_encode have them. Its argument is
// JSON: driver (mysqli, pgsql or sqlite), where the database is, and the name of the table. Rows come in the order of their
// ids.
$at = json_decode($argv[1], true);
$query = 'SELECT session_id, client_id, guest, time, data, userid, username FROM ' . $at['table'] . ' ORDER BY session_id';
switch ($at['driver']) {
case 'mysqli':
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $db = new mysqli($at['host'], $at['user'], $at['password'], $at['database'], $at['port']);
    $db->set_charset('utf8mb4');
    $rows = $db->query($query)->fetch_all(MYSQLI_ASSOC);
    break;
default:
    $db = new PDO($at['dsn'], $at['user'] ?? null, $at['password'] ?? null, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_STRINGIFY_FETCHES => true, // The contract's rows hold strings.
    ]);
    $rows = $db->query($query)->fetchAll(PDO::FETCH_ASSOC);
}
foreach ($rows as &$row) {
    foreach ($row as &$value) {
        if (is_resource($value)) { // PostgreSQL's bytes
            $value = stream_get_contents($value);
        }
    }
}
echo json_encode(['msg' => $rows, 'error' => false, 'status' => 200], JSON_INVALID_UTF8_SUBSTITUTE);
