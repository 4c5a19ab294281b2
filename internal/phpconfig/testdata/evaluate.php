<?php
// Evaluates sources and answers what an object of their class has. A request is a line:
// the name of the class, the names of properties with commas between them, and the
// source as base64. An answer is a line of JSON: the properties as strings in base64,
// or null if PHP refuses the source. After a source that ends the program, it ends.
ini_set('display_errors', '0');
ini_set('log_errors', '0');
const _JEXEC = 1;
$pending = false;
register_shutdown_function(function () use (&$pending) {
	if ($pending) {
		fwrite(STDOUT, "null\n");
	}
});
$evaluate = static function (string $class, array $names, string $source): ?array {
	ob_start(static fn() => '');
	try {
		eval('?>' . $source);
		$all = get_object_vars(new $class());
	} catch (Throwable) {
		return null;
	} finally {
		while (ob_get_level() > 0) {
			ob_end_clean();
		}
	}
	$values = [];
	foreach ($names as $name) {
		$value = $all[$name] ?? null;
		if ($value !== null) {
			$values[$name] = is_scalar($value) ? base64_encode((string) $value) : '?';
		}
	}
	return $values;
};
while (($line = fgets(STDIN)) !== false) {
	[$class, $names, $source] = explode(' ', rtrim($line, "\n"));
	$pending = true;
	$values = (static fn() => $evaluate($class, explode(',', $names), base64_decode($source)))();
	$pending = false;
	fwrite(STDOUT, json_encode($values === null ? null : (object) $values) . "\n");
}
