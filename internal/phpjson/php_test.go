package phpjson_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phpjson"
	"github.com/capi-go/capi/internal/phptest"
)

// encoder is a PHP program that reads texts, each behind its length in four
// bytes, and writes a line for each. A length of all ones asks for the lines.
const encoder = `
while (strlen($head = (string) fread(STDIN, 4)) === 4) {
	$length = unpack('V', $head)[1];
	if ($length === 0xFFFFFFFF) {
		fwrite(STDOUT, $lines);
		$lines = '';
		continue;
	}
	$text = '';
	while (strlen($text) < $length) {
		$text .= fread(STDIN, $length - strlen($text));
	}
	$lines = ($lines ?? '') . json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE) . "\n";
}`

// TestAppendStringAgainstPHP compares with the json_encode of the installed
// PHP.
func TestAppendStringAgainstPHP(t *testing.T) {
	command := exec.CommandContext(t.Context(), phptest.Program(t), "-n", "-r", encoder)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewReader(stdout)

	random := phptest.Random(t)
	count := 0
	for until := time.Now().Add(phptest.Duration(t)); time.Now().Before(until); {
		var texts []string
		var batch []byte
		for range 500 {
			text := anyText(random)
			texts = append(texts, text)
			batch = binary.LittleEndian.AppendUint32(batch, uint32(len(text)))
			batch = append(batch, text...)
		}
		_, err := stdin.Write(append(batch, "\xff\xff\xff\xff"...))
		require.NoError(t, err)
		for _, text := range texts {
			want, err := lines.ReadBytes('\n')
			require.NoError(t, err)
			if got := append(phpjson.AppendString(nil, text), '\n'); !bytes.Equal(want, got) {
				require.Equal(t, string(want), string(got), "%q", text)
			}
			count++
		}
	}
	require.NoError(t, stdin.Close())
	_, err = io.Copy(io.Discard, lines)
	require.NoError(t, err)
	require.NoError(t, command.Wait())
	require.NotZero(t, count)
	t.Logf("%d texts are written as PHP writes them", count)
}

// anyText returns text of one or several kinds: bytes, runes, ASCII, and
// boundaries.
func anyText(random *rand.Rand) string {
	var text []byte
	sorts, length := 1+random.IntN(15), random.IntN(120)
	for len(text) < length {
		switch sort := random.IntN(4); {
		case sorts>>sort&1 == 0:
		case sort == 0:
			text = append(text, byte(random.IntN(256)))
		case sort == 1:
			text = append(text, string(rune(random.IntN(1<<(7+random.IntN(15)))))...)
		case sort == 2:
			for range random.IntN(20) {
				text = append(text, byte(' '+random.IntN(95)))
			}
		default:
			text = append(text, boundaries[random.IntN(len(boundaries))])
		}
	}
	return string(text)
}
