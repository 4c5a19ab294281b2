package phpconfig_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phptest"
)

// TestPropertiesAsPHP compares the properties read from generated sources with
// those of an object in PHP.
func TestPropertiesAsPHP(t *testing.T) {
	program := phptest.Program(t)
	g := generator{phptest.Random(t), map[string]bool{}}
	sources := []string{joomla5, joomla3, strings.Replace(joomla5, "{\n", otherMembers, 1)}

	var php evaluator
	defer func() { php.stop() }()
	var inputs, both, onlyPHP, onlyUs, values int
	for until := time.Now().Add(phptest.Duration(t)); time.Now().Before(until); inputs++ {
		if php.command == nil {
			require.NoError(t, php.start(program))
		}
		source := g.source()
		if inputs < len(sources) {
			source = sources[inputs]
		}
		ours, err := texts(source)
		theirs, accepted := php.evaluate(t, source, strconv.Itoa(inputs))
		switch {
		case err == nil && accepted:
			both++
			values += len(ours)
			require.Equal(t, theirs, ours, "source: %q", source)
		case accepted:
			onlyPHP++
		case err == nil:
			onlyUs++
		}
	}
	t.Logf("%d inputs, %d accepted by both, with %d values; %d only by PHP, %d only by us", inputs, both, values, onlyPHP, onlyUs)
	require.Positive(t, values)
}

// An evaluator is a PHP that runs testdata/evaluate.php.
type evaluator struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start starts PHP with its default settings, and without functions that have
// effects outside of it.
func (e *evaluator) start(program string) (err error) {
	e.command = exec.Command(program, "-n", "-d", "short_open_tag=0", "-d", "memory_limit=512M", "-d", "open_basedir=testdata",
		"-d", "disable_functions=exec,shell_exec,system,passthru,proc_open,popen,pcntl_exec,unlink,rename,file_put_contents",
		"testdata/evaluate.php")
	if e.in, err = e.command.StdinPipe(); err != nil {
		return err
	}
	out, err := e.command.StdoutPipe()
	e.out = bufio.NewReader(out)
	if err != nil {
		return err
	}
	return e.command.Start()
}

// stop ends PHP, if it runs.
func (e *evaluator) stop() {
	if e.command != nil {
		_ = e.in.Close()
		_ = e.command.Wait() // It fails if a source ended PHP.
		e.command = nil
	}
}

// evaluate returns the properties of an object of the class JConfig of the
// source, or false if PHP refuses it. The class gets another name, since PHP
// declares a class only once.
func (e *evaluator) evaluate(t *testing.T, source, suffix string) (map[string]string, bool) {
	t.Helper()
	for _, class := range []string{"JConfig", "Other", "function f1", "function f2", "function f3"} {
		source = strings.ReplaceAll(source, class, class+suffix)
	}
	_, err := fmt.Fprintf(e.in, "JConfig%s %s %s\n", suffix, strings.Join(names, ","), base64.StdEncoding.EncodeToString([]byte(source)))
	require.NoError(t, err)
	line, err := e.out.ReadBytes('\n')
	require.NoError(t, err, "PHP gave no answer to %q", source)
	var encoded map[string]string
	require.NoError(t, json.Unmarshal(line, &encoded))
	if encoded == nil {
		// PHP ends if it refuses to compile. Ask for a sign of life.
		if _, err := fmt.Fprintf(e.in, "stdClass x \n"); err == nil {
			if _, err = e.out.ReadBytes('\n'); err == nil {
				return nil, false
			}
		}
		e.stop()
		return nil, false
	}
	values := map[string]string{}
	for name, text := range encoded {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil { // An array, which Properties does not return.
			decoded = []byte("array")
		}
		values[name] = string(decoded)
	}
	return values, true
}
