package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"capi": main}) }

// TestScripts runs the program as its users do. The scripts have some commands
// more:
//
//	site NAME DIALECT            makes a site with the rows of a real one, and NAME.php
//	config FILE NAME KEY=VALUE…  writes another configuration.php of it
//	newest NAME PREFIX           writes the data of its newest session to PREFIX and the id
//	sql NAME STATEMENT           changes its database
//	exits CODE COMMAND…          runs a program, which must exit with CODE
//	start NAME ARG…              starts capi serve, and sets $NAME to its URL
//	interrupt NAME               interrupts it, which must end well; prints its log,
//	                             all of which must be of one format
//	get CODE URL HEADER…         asks it, and prints the answer
//	until CODE URL HEADER…       asks it until it answers with CODE
//	metric NAME VALUE LABEL…     looks for a metric in what was printed last
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values[scriptKey{}] = &script{t: env.T().(testing.TB), sites: map[string]*testSite{}, programs: map[string]*process{}}
			env.Setenv("GOCOVERDIR", os.Getenv("GOCOVERDIR"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"site": cmdSite, "config": cmdConfig, "newest": cmdNewest, "sql": cmdSQL, "exits": cmdExits,
			"start": cmdStart, "interrupt": cmdInterrupt, "get": cmdGet, "until": cmdUntil, "metric": cmdMetric,
		},
	})
}

// A script is what a running script has made.
type script struct {
	t        testing.TB
	sites    map[string]*testSite
	programs map[string]*process
}

type scriptKey struct{}

func scriptOf(ts *testscript.TestScript) *script { return ts.Value(scriptKey{}).(*script) }

func cmdSite(ts *testscript.TestScript, _ bool, args []string) {
	s, name := scriptOf(ts), args[0]
	site := newTestSite(s.t, args[1], ts.MkAbs(name+".sqlite"))
	s.sites[name] = site
	ts.Check(os.WriteFile(ts.MkAbs(name+".php"), []byte(site.php(nil)), 0o600))
	ts.Setenv(name+"_prefix", site.Prefix)
	ts.Setenv(name+"_db", fmt.Sprint(site.properties["db"]))
	ts.Setenv(name+"_dbuser", fmt.Sprint(site.properties["user"]))
	ts.Setenv(name+"_lifetime", fmt.Sprint(site.properties["lifetime"]))
	ts.Setenv(name+"_secret", site.Config.Secret)
	ts.Setenv(name+"_host", fmt.Sprint(site.properties["host"]))
	for _, session := range site.Sessions {
		if session.Want() == http.StatusOK {
			ts.Setenv(name+"_cookie", session.Cookie.Name+"="+session.Cookie.Value)
			ts.Setenv(name+"_id", session.Cookie.Value)
			ts.Setenv(name+"_user", session.Username)
			ts.Setenv(name+"_userid", strconv.FormatInt(session.User, 10))
		} else {
			ts.Setenv(name+"_other", session.Cookie.Name+"="+session.Cookie.Value)
		}
	}
	ts.Setenv(name+"_token", site.token())
}

func cmdConfig(ts *testscript.TestScript, _ bool, args []string) {
	change := map[string]any{}
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		change[key] = value
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(scriptOf(ts).sites[args[1]].php(change)), 0o600))
}

func cmdNewest(ts *testscript.TestScript, _ bool, args []string) {
	rows := scriptOf(ts).sites[args[0]].Tables["session"]
	newest := slices.MaxFunc(rows, func(a, b joomlatest.Row) int { return strings.Compare(fmt.Sprint(a["time"]), fmt.Sprint(b["time"])) })
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+fmt.Sprint(newest["session_id"])), fmt.Append(nil, newest["data"]), 0o600))
}

func cmdSQL(ts *testscript.TestScript, _ bool, args []string) {
	s := scriptOf(ts)
	s.sites[args[0]].Exec(s.t, args[1])
}

func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit status %d, not %s", code, args[0])
	}
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptOf(ts)
	full := append([]string{"serve"}, args[1:]...)
	if !strings.Contains(strings.Join(args, " "), "--addr") {
		full = append(full, "--addr", "127.0.0.1:0")
	}
	command := exec.Command("capi", full...)
	command.Dir = ts.MkAbs(".")
	command.Env = append(os.Environ(), strings.Split(ts.Getenv("serve_env"), " ")...)
	p := startProcess(s.t, command)
	s.programs[args[0]] = p
	ts.Setenv(args[0], p.URL)
	ts.Setenv(args[0]+"_metrics", p.metrics)
	ts.Setenv(args[0]+"_address", strings.TrimPrefix(p.URL, "http://"))
}

func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	p := scriptOf(ts).programs[args[0]]
	p.signal(syscall.SIGINT)
	if code := p.exited(); code != 0 {
		ts.Fatalf("exit status %d\n%s", code, p.Output())
	}
	text := strings.HasPrefix(p.Output(), "time=")
	for line := range strings.Lines(p.Output()) {
		if text != strings.HasPrefix(line, "time=") || !text && !json.Valid([]byte(line)) {
			ts.Fatalf("a line of another format: %s", line)
		}
	}
	_, _ = io.WriteString(ts.Stdout(), p.Output())
}

func cmdGet(ts *testscript.TestScript, _ bool, args []string) {
	response := askFor(ts, args[1], args[2:])
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	for name, values := range response.Header {
		fmt.Fprintf(ts.Stderr(), "%s: %s\n", name, strings.Join(values, ", "))
	}
	_, _ = ts.Stdout().Write(body)
	if strconv.Itoa(response.StatusCode) != args[0] {
		ts.Fatalf("status %d, not %s: %s", response.StatusCode, args[0], body)
	}
}

func cmdUntil(ts *testscript.TestScript, _ bool, args []string) {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		response := askFor(ts, args[1], args[2:])
		response.Body.Close()
		if strconv.Itoa(response.StatusCode) == args[0] {
			return
		}
		if time.Since(begun) > processPatience {
			ts.Fatalf("status %d, not %s", response.StatusCode, args[0])
		}
	}
}

// askFor asks for a URL with headers.
func askFor(ts *testscript.TestScript, url string, headers []string) *http.Response {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	if path, ok := strings.CutPrefix(url, "unix:"); ok {
		socket, path, _ := strings.Cut(path, ":")
		url = "http://localhost" + path
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
	}
	r, err := http.NewRequest(http.MethodGet, url, nil)
	ts.Check(err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	ts.Check(err)
	return response
}

func cmdMetric(ts *testscript.TestScript, _ bool, args []string) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(ts.ReadFile("stdout")))
	ts.Check(err)
	want := strings.Join(args[2:], " ")
	var all []string
	for _, metric := range families[args[0]].GetMetric() {
		var labels []string
		for _, label := range metric.GetLabel() {
			labels = append(labels, label.GetName()+"="+label.GetValue())
		}
		value := metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		found := strings.Join(labels, " ")
		if found == want && (args[1] == "any" || fmt.Sprint(value) == args[1]) {
			return
		}
		all = append(all, fmt.Sprintf("%s %v", found, value))
	}
	ts.Fatalf("no %s %s %s among\n%s", args[0], want, args[1], strings.Join(all, "\n"))
}
