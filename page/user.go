package page

import (
	"net/http"
	"strconv"

	"github.com/capi-go/capi/internal/stream"
)

// A shownUser is what the page is told of a user when it asks.
type shownUser struct {
	Email string `json:"email"`
}

// user answers with what the page does not show of a user unless it is asked.
func (h *handler) user(w http.ResponseWriter, r *http.Request) {
	site, reader, ok := h.authorize(w, r)
	if !ok {
		return
	}
	id, err := strconv.ParseInt(r.URL.Query().Get("id"), 10, 32)
	if err != nil || site.Joomla == nil {
		h.Answer(w, r, http.StatusNotFound, "No such user.")
		return
	}
	users, err := site.Joomla.Users(r.Context(), []int64{id})
	switch {
	case err != nil:
		h.Fail(w, r, "reading a user", err)
	case len(users) == 0:
		h.Answer(w, r, http.StatusNotFound, "No such user.")
	default:
		// Before it is sent: whoever reads is always told.
		h.ReadBy(r, "e-mail read", id, stream.Reader{ID: reader.ID, Username: reader.Username, Credential: reader.Credential})
		w.Header().Set("Cache-Control", "no-store")
		h.Answer(w, r, http.StatusOK, shownUser{users[0].Email})
	}
}
