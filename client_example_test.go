package capi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/capi-go/capi"
)

// Who is logged in at another site.
func ExampleClientOptions_NewClient() {
	site := httptest.NewServer(capi.NewHandler(capi.Sessions{
		{ID: "secret", Guest: true},
		{ID: "secret too", ClientID: capi.ClientAdministrator, UserID: 99, Username: "steve", Time: time.Unix(1445783987, 0)},
	}, passing("token")))
	defer site.Close()
	ctx := context.Background()

	client, err := capi.ClientOptions{APIToken: capi.NewSecret("token")}.NewClient(site.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	for session, err := range client.Sessions(ctx) {
		switch {
		case errors.Is(err, capi.ErrUnauthenticated), errors.Is(err, capi.ErrForbidden):
			fmt.Println("The token is not one of a Super Admin.")
		case err != nil:
			fmt.Println(err)
		case !session.Guest:
			fmt.Println(session.Username, session.ClientID, session.Time.Format(time.RFC3339))
		}
	}
	// Output:
	// steve administrator 2015-10-25T14:39:47Z
}
