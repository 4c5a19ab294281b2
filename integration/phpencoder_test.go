package integration_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// phpEncoderProgram reads the rows of an envelope from a file, each field after
// its length in four bytes. For each line of input, it encodes the envelope,
// and writes the nanoseconds and the number of bytes; for the line "print", it
// also writes the bytes.
const phpEncoderProgram = `
$text = file_get_contents($argv[1]);
$envelope = ['msg' => [], 'error' => false, 'status' => 200];
for ($at = 0; $at < strlen($text);) {
	$row = [];
	foreach (['session_id', 'client_id', 'guest', 'time', 'data', 'userid', 'username'] as $name) {
		$length = unpack('V', $text, $at)[1];
		$row[$name] = substr($text, $at + 4, $length);
		$at += 4 + $length;
	}
	$envelope['msg'][] = $row;
}
while (($line = fgets(STDIN)) !== false) {
	$start = hrtime(true);
	$json = json_encode($envelope, JSON_INVALID_UTF8_SUBSTITUTE);
	fwrite(STDOUT, hrtime(true) - $start . ' ' . strlen($json) . "\n" . ($line === "print\n" ? $json : ''));
}`

// A phpEncoder is a PHP process that writes one envelope again and again.
type phpEncoder struct {
	in  io.Writer
	out *bufio.Reader
}

// newPHPEncoder starts PHP. If there is none, it skips the benchmark, or fails
// it in CI.
func newPHPEncoder(b *testing.B, envelope wireEnvelope[string]) *phpEncoder {
	b.Helper()
	php, err := exec.LookPath("php")
	if err != nil && os.Getenv("CI") == "" {
		b.Skip("NOT COMPARED WITH PHP: ", err)
	}
	require.NoError(b, err)
	var rows []byte
	for _, s := range envelope.Msg {
		for _, field := range []string{s.ID, s.ClientID, s.Guest, s.Time, s.Data, s.UserID, s.Username} {
			rows = binary.LittleEndian.AppendUint32(rows, uint32(len(field)))
			rows = append(rows, field...)
		}
	}
	file := b.TempDir() + "/rows"
	require.NoError(b, os.WriteFile(file, rows, 0o600))

	command := exec.Command(php, "-n", "-d", "memory_limit=-1", "-r", phpEncoderProgram, file)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	require.NoError(b, err)
	out, err := command.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, command.Start())
	b.Cleanup(func() {
		require.NoError(b, in.Close())
		require.NoError(b, command.Wait())
	})
	return &phpEncoder{in, bufio.NewReader(out)}
}

// encode returns how long PHP takes to encode the envelope once. If w is not
// nil, it gets the envelope.
func (e *phpEncoder) encode(w io.Writer) (taken time.Duration, err error) {
	line := "\n"
	if w != nil {
		line = "print\n"
	}
	if _, err := io.WriteString(e.in, line); err != nil {
		return 0, err
	}
	if line, err = e.out.ReadString('\n'); err != nil {
		return 0, err
	}
	var size int64
	if _, err := fmt.Fscan(strings.NewReader(line), &taken, &size); err != nil || w == nil {
		return taken, err
	}
	_, err = io.CopyN(w, e.out, size)
	return taken, err
}
