package phpserial_test

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/internal/phpserial"
	"github.com/capi-go/capi/internal/phptest"
)

// program reads lines, a letter and base64 text, and answers each with a line:
// the value in the notation of dump; "!" if PHP refuses the text; or "?" if
// there is no such notation.
const program = `
error_reporting(0);
ini_set('memory_limit', '512M');
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
ini_set('session.serialize_handler', 'php');
class Nowhere implements SessionHandlerInterface {
	function open($p, $n): bool { return true; }
	function close(): bool { return true; }
	function read($id): string|false { return ''; }
	function write($id, $data): bool { return true; }
	function destroy($id): bool { return true; }
	function gc($max): int|false { return 0; }
}
session_set_save_handler(new Nowhere, false);
class Unlike extends Exception {}
function dump($v, $depth) {
	global $nodes;
	if ($depth > 600 || ++$nodes > 50000) throw new Unlike;
	if ($v === null) return 'N';
	if (is_bool($v)) return $v ? 'T' : 'F';
	if (is_int($v)) return "i$v";
	if (is_float($v)) return is_nan($v) ? 'dNAN' : 'd' . bin2hex(pack('E', $v));
	if (is_string($v)) return 's' . bin2hex($v);
	if (is_array($v)) return array_is_list($v) ? elements($v, $depth) : members($v, $depth);
	$own = [];
	foreach ((array) $v as $name => $value) {
		$name = (string) $name;
		if ($name === '__PHP_Incomplete_Class_Name') continue;
		if ($name !== '' && $name[0] === "\0" && ($end = strpos($name, "\0", 1)) !== false) $name = substr($name, $end + 1);
		if (array_key_exists($name, $own)) throw new Unlike;
		$own[$name] = $value;
	}
	return members($own, $depth);
}
function elements($v, $depth) {
	$all = '';
	foreach ($v as $value) $all .= dump($value, $depth + 1) . ',';
	return "[$all]";
}
function members($v, $depth) {
	$all = [];
	foreach ($v as $name => $value) $all[bin2hex((string) $name)] = dump($value, $depth + 1);
	ksort($all, SORT_STRING);
	$text = '';
	foreach ($all as $name => $value) $text .= "$name:$value,";
	return '{' . $text . '}';
}
while (($line = fgets(STDIN)) !== false) {
	$text = base64_decode(substr($line, 1));
	$nodes = 0;
	try {
		if ($line[0] === 's') {
			if (session_status() !== PHP_SESSION_ACTIVE) { session_id('x'); session_start(); }
			$_SESSION = [];
			$answer = session_decode($text) ? members($_SESSION, 0) : '!';
		} else {
			$value = unserialize($text, ['allowed_classes' => false]);
			$answer = $value === false && strncmp($text, 'b:0;', 4) !== 0 ? '!' : dump($value, 0);
		}
	} catch (Unlike $e) {
		$answer = '?';
	} catch (Throwable $e) {
		$answer = '!';
	}
	echo $answer, "\n";
}
`

// dump writes a decoded value as program does.
func dump(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteByte('N')
	case bool:
		if v {
			b.WriteByte('T')
		} else {
			b.WriteByte('F')
		}
	case int64:
		fmt.Fprintf(b, "i%d", v)
	case float64:
		if math.IsNaN(v) {
			b.WriteString("dNAN")
		} else {
			fmt.Fprintf(b, "d%016x", math.Float64bits(v))
		}
	case string:
		b.WriteString("s" + hex.EncodeToString([]byte(v)))
	case []any:
		b.WriteByte('[')
		for _, e := range v {
			dump(b, e)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(hex.EncodeToString([]byte(name)) + ":")
			dump(b, v[name])
			b.WriteByte(',')
		}
		b.WriteByte('}')
	}
}

// TestDecodePHP compares with PHP itself: if both accept a text, the values
// must be the same.
func TestDecodePHP(t *testing.T) {
	php := exec.Command(phptest.Program(t), "-n", "-r", program)
	in, err := php.StdinPipe()
	require.NoError(t, err)
	out, err := php.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, php.Start())
	answers := bufio.NewReaderSize(out, 1<<20)

	g := &generator{Rand: phptest.Random(t), corpus: corpus(t)}
	inputs, both, php8, ours := 0, 0, 0, 0
	for end := time.Now().Add(phptest.Duration(t)); time.Now().Before(end); {
		var batch []string
		for range 200 {
			batch = append(batch, g.input())
		}
		sent := make(chan error, 1)
		go func() {
			var lines strings.Builder
			for _, input := range batch {
				lines.WriteString(input[:1] + base64.StdEncoding.EncodeToString([]byte(input[1:])) + "\n")
			}
			_, err := io.WriteString(in, lines.String())
			sent <- err
		}()
		for _, input := range batch {
			answer, err := answers.ReadString('\n')
			require.NoError(t, err, "%q", input)
			answer = strings.TrimSuffix(answer, "\n")
			var value any
			if input[0] == 's' {
				value, err = phpserial.DecodeSession([]byte(input[1:]), phpserial.Options{})
			} else {
				value, err = phpserial.Decode([]byte(input[1:]), phpserial.Options{})
			}
			inputs++
			switch {
			case err == nil && answer == "!":
				ours++
			case err != nil && answer != "!":
				php8++
			case err == nil && answer != "?" && !unlike(input):
				both++
				var b strings.Builder
				dump(&b, value)
				require.Equal(t, answer, b.String(), "%q", input)
			}
		}
		require.NoError(t, <-sent)
	}
	require.NoError(t, in.Close())
	require.NoError(t, php.Wait())
	t.Logf("%d inputs: %d accepted by both and the same, %d only by PHP, %d only by this package", inputs, both, php8, ours)
	require.Positive(t, both)
}

// unlike reports whether the package promises a value that differs from PHP's
// for input: because of a reference from inside a value to that value, a
// reference to an element whose key is repeated, or a class with its own
// unserializer.
func unlike(input string) bool {
	var r phpserial.Reader
	reset := r.Reset
	if input[0] == 's' {
		reset = r.ResetSession
	}
	reset([]byte(input[1:]), false)
	references, doubled := false, false
	keys := []map[string]bool{}
	for {
		token, err := r.Next()
		if err != nil || token.Kind == phpserial.EOF {
			return references && doubled
		}
		if token.Kind == phpserial.End {
			continue
		}
		if token.Kind == phpserial.Custom || token.Kind == phpserial.Enum {
			return true // PHP does not have the classes here.
		}
		if token.Kind == phpserial.Reference {
			references = true
			if token.Open {
				return true
			}
		}
		keys = keys[:min(len(keys), token.Depth)]
		for len(keys) <= token.Depth {
			keys = append(keys, map[string]bool{})
		}
		if token.KeyKind == phpserial.NoKey {
			continue
		}
		name := strconv.FormatInt(token.KeyInt, 10)
		if token.KeyKind != phpserial.IntKey {
			name = string(r.Append(nil, token.Key))
		}
		// The keys of a container are those seen since it began, at its depth.
		doubled = doubled || keys[token.Depth-1][name]
		keys[token.Depth-1][name] = true
	}
}

// corpus returns session texts of real sites and of PHP, and the serialized
// values in them.
func corpus(t *testing.T) []string {
	var texts []string
	add := func(session string) {
		if session == "" {
			return
		}
		texts = append(texts, "s"+session)
		if _, value, ok := strings.Cut(session, "|"); ok {
			texts = append(texts, "v"+value)
		}
		if _, text, ok := strings.Cut(session, `:"`); ok {
			if inner, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, `";`)); err == nil {
				texts = append(texts, "v"+string(inner))
			}
		}
	}
	for _, row := range joomlatest.Recorded("j5").Tables["session"] {
		text, _ := row["data"].(string)
		add(text)
	}
	for _, text := range stored(t) {
		add(text)
	}
	return texts
}

type generator struct {
	*rand.Rand
	corpus []string
	slots  int
}

// input returns a letter and a text: v and a value, or s and a session. Half of
// the texts are mutated.
func (g *generator) input() string {
	var text string
	g.slots = 0
	switch g.IntN(5) {
	case 0:
		text = g.corpus[g.IntN(len(g.corpus))]
	case 1, 2:
		text = "s"
		for range g.IntN(4) {
			text += strings.ReplaceAll(g.bytes(), "|", "") + "|" + g.value(0, false)
		}
	default:
		text = "v" + g.value(0, false)
	}
	if g.IntN(2) == 0 {
		return text
	}
	kind, mutated := text[:1], []byte(text[1:])
	const letters = "0123456789:;{}\"|aOsSCErRidbN+-.eE\\\x00"
	for range 1 + g.IntN(3) {
		if len(mutated) == 0 {
			break
		}
		i := g.IntN(len(mutated))
		switch g.IntN(4) {
		case 0:
			mutated[i] = letters[g.IntN(len(letters))]
		case 1:
			mutated = slices.Delete(mutated, i, i+1)
		case 2:
			mutated = slices.Insert(mutated, i, letters[g.IntN(len(letters))])
		default:
			j := min(len(mutated), i+g.IntN(20))
			mutated = slices.Insert(mutated, g.IntN(len(mutated)+1), slices.Clone(mutated[i:j])...)
		}
	}
	return kind + string(mutated)
}

func (g *generator) bytes() string {
	const letters = "abc0123|\x00*\\\"; é"
	var b strings.Builder
	for range g.IntN(6) {
		b.WriteByte(letters[g.IntN(len(letters))])
	}
	return b.String()
}

func (g *generator) string() string {
	s := g.bytes()
	if g.IntN(6) > 0 {
		return fmt.Sprintf(`s:%d:"%s";`, len(s), s)
	}
	return fmt.Sprintf(`S:%d:"%s";`, len(s), strings.NewReplacer(`\`, `\5c`, "a", `\61`).Replace(s))
}

func (g *generator) value(depth int, object bool) string {
	kind := g.IntN(14)
	if depth > 5 && kind >= 10 {
		kind = g.IntN(10)
	}
	if g.slots > 0 && kind == 9 {
		slot := 1 + g.IntN(g.slots)
		if g.IntN(2) == 0 {
			return fmt.Sprintf("R:%d;", slot)
		}
		g.slots++
		return fmt.Sprintf("r:%d;", slot)
	}
	g.slots++
	switch kind {
	case 0:
		return "N;"
	case 1:
		return fmt.Sprintf("b:%d;", g.IntN(2))
	case 2:
		return fmt.Sprintf("i:%d;", int64(g.Uint64())>>g.IntN(64))
	case 3:
		return "d:" + strconv.FormatFloat(math.Float64frombits(g.Uint64()), "eEfg"[g.IntN(4)], g.IntN(20)-1, 64) + ";"
	case 4:
		return []string{"d:INF;", "d:-INF;", "d:NAN;", "d:1e999;", "d:.5;", "d:5.;", "i:+5;", "i:-0;", "d:-0;", "i:007;"}[g.IntN(10)]
	case 10, 11:
		n := g.IntN(4)
		text := fmt.Sprintf("a:%d:{", n)
		for i := range n {
			text += g.key(i) + g.value(depth+1, false)
		}
		return text + "}"
	case 12, 13:
		n := g.IntN(4)
		class := []string{"stdClass", "Nope", `Joomla\Registry\Registry`}[g.IntN(3)]
		text := fmt.Sprintf(`O:%d:"%s":%d:{`, len(class), class, n)
		for i := range n {
			text += g.key(i) + g.value(depth+1, true)
		}
		return text + "}"
	default:
		return g.string()
	}
}

func (g *generator) key(i int) string {
	switch g.IntN(4) {
	case 0:
		return g.string()
	case 1:
		return fmt.Sprintf(`s:4:"`+"\x00*\x00"+`%c";`, 'a'+i)
	default:
		return fmt.Sprintf("i:%d;", i)
	}
}
