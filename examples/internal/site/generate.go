package site

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"time"
)

// generate returns n sessions from the two hours before now. Except for their
// times, they are the same for the same n. Two thirds are guests', half of
// which have no data, as Joomla leaves them if the guest never comes back.
func generate(n int, now time.Time) []session {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]session, n)
	for i := range rows {
		// Most users were active recently.
		age := time.Duration(random.Float64() * random.Float64() * float64(2*time.Hour))
		written := now.Add(-age).Unix()
		client, guest, userID, username := 0, 1, 0, ""
		if random.IntN(3) == 0 {
			guest, userID = 0, 1000+random.IntN(5000)
			username = fmt.Sprintf("%s.%s%d", pick(random, forenames), pick(random, surnames), userID)
			if random.IntN(8) == 0 {
				client = 1
			}
		}
		data := ""
		if userID != 0 || random.IntN(2) == 0 {
			data = registryData(userID, 1+random.IntN(60), written, pick(random, browsers), formToken(random))
		}
		rows[i] = session{sessionID(random), client, guest, written, data, userID, username}
	}
	return rows
}

var (
	forenames = []string{"ada", "ben", "chloë", "dmitri", "eun-ji", "farah", "gustavo", "hana", "ivo", "jürgen", "kofi", "lena"}
	surnames  = []string{"adeyemi", "brown", "castillo", "dubois", "eriksen", "fischer", "gupta", "horváth", "ito", "jansen", "kowalska"}
	browsers  = []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
	}
)

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

// sessionID returns 26 characters of five bits each, as PHP makes them.
func sessionID(random *rand.Rand) string {
	id := make([]byte, 26)
	for i := range id {
		id[i] = "0123456789abcdefghijklmnopqrstuv"[random.IntN(32)]
	}
	return string(id)
}

func formToken(random *rand.Rand) string {
	return fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
}

// registryData returns a session of the user, or a guest if userID is 0, as
// Joomla 5 stores it.
func registryData(userID, counter int, now int64, browser, token string) string {
	start := now - int64(counter)*20
	return wrap(fmt.Sprintf("O:24:\"Joomla\\Registry\\Registry\":3:{s:7:\"\x00*\x00data\";O:8:\"stdClass\":3:{"+
		"s:7:\"session\";O:8:\"stdClass\":4:{s:7:\"counter\";i:%d;"+
		"s:5:\"timer\";O:8:\"stdClass\":3:{s:5:\"start\";i:%d;s:4:\"last\";i:%d;s:3:\"now\";i:%d;}"+
		"s:6:\"client\";O:8:\"stdClass\":1:{s:7:\"browser\";s:%d:\"%s\";}s:5:\"token\";s:%d:\"%s\";}"+
		"s:8:\"registry\";O:24:\"Joomla\\Registry\\Registry\":3:{s:7:\"\x00*\x00data\";O:8:\"stdClass\":0:{}"+
		"s:14:\"\x00*\x00initialized\";b:0;s:12:\"\x00*\x00separator\";s:1:\".\";}"+
		"s:4:\"user\";O:20:\"Joomla\\CMS\\User\\User\":1:{s:2:\"id\";i:%d;}}"+
		"s:14:\"\x00*\x00initialized\";b:0;s:12:\"\x00*\x00separator\";s:1:\".\";}",
		counter, start, now-15, now, len(browser), browser, len(token), token, userID))
}

// wrap returns a session whose only variable is the given Registry.
func wrap(registry string) string {
	text := base64.StdEncoding.EncodeToString([]byte(registry))
	return fmt.Sprintf("joomla|s:%d:\"%s\";", len(text), text)
}
