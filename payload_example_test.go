package capi_test

import (
	"errors"
	"fmt"

	"github.com/capi-go/capi"
)

func ExamplePayload_Decode() {
	data := capi.Payload(`cart|a:2:{i:0;s:5:"apple";i:1;s:4:"pear";}user|O:5:"JUser":1:{s:2:"id";i:43;}`)
	variables, err := data.Decode()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(variables["cart"], variables["user"])
	// Output: [apple pear] map[id:43]
}

func ExamplePayload_Decode_malformed() {
	_, err := capi.Payload(`cart|a:2:{i:0;s:5:"apple"`).Decode()
	var malformed *capi.PayloadError
	fmt.Println(errors.As(err, &malformed), malformed.Offset)
	fmt.Println(err)
	// Output:
	// true 25
	// capi: malformed session payload: expected ; after a string at byte 25
}

func ExamplePayload_State() {
	data := capi.Payload(`__default|a:4:{s:15:"session.counter";i:6;s:19:"session.timer.start";i:1445780779;` +
		`s:22:"session.client.browser";s:7:"Firefox";s:4:"user";O:5:"JUser":2:{s:2:"id";s:2:"43";s:8:"username";s:3:"zoe";}}`)
	state, err := data.State()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(state.Counter, state.Started, state.Browser)
	fmt.Println(state.UserID, state.Username)
	// Output:
	// 6 2015-10-25 13:46:19 +0000 UTC Firefox
	// 43 zoe
}

func ExampleMaskSecrets() {
	mask := capi.MaskSecrets()
	session := mask(capi.Session{
		ID:   "rs25pp9sf26tn56po0gnu2qdq4",
		Data: capi.Payload(`user|O:5:"JUser":2:{s:8:"username";s:3:"zoe";s:8:"password";s:12:"$2y$10$abcde";}`),
	})
	fmt.Println(string(session.Data))
	// Output: user|O:5:"JUser":2:{s:8:"username";s:3:"zoe";s:8:"password";s:12:"************";}
}
