package radiuslogin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/hashicorp/vault/api"

	"vault-plugin-auth-radius/radiuslogin"
)

func ExampleMethod() {
	vault := httptest.NewServer(http.HandlerFunc(answerLikeVault))
	defer vault.Close()
	client, err := api.NewClient(&api.Config{Address: vault.URL})
	if err != nil {
		fmt.Println(err)
		return
	}

	secret, err := client.Auth().Login(context.Background(), &radiuslogin.Method{
		Username: "carol",
		Password: radiuslogin.Text("carol-password"), // or a function that asks for it
		Answer: func(_ context.Context, challenge radiuslogin.Challenge) (string, error) {
			fmt.Printf("round %d: %s (echo: %t)\n", challenge.Round, challenge.Message, challenge.Echo)
			return "123456", nil // what the user types
		},
	})
	switch {
	case errors.Is(err, radiuslogin.ErrRefused):
		fmt.Println("wrong password or code:", err)
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println("logged in for", secret.Auth.LeaseDuration, "seconds")
	}

	// Output:
	// round 1: Enter your one-time code (echo: false)
	// logged in for 3600 seconds
}

// answerLikeVault asks for a code, and takes any.
func answerLikeVault(w http.ResponseWriter, r *http.Request) {
	var login struct {
		ID string `json:"challenge_id"`
	}
	if err := json.NewDecoder(r.Body).Decode(&login); err != nil || login.ID == "" {
		fmt.Fprint(w, `{"data":{"challenge_id":"0OYxq8R3","message":"Enter your one-time code","echo":false,"expires_in":120}}`)
		return
	}
	fmt.Fprint(w, `{"auth":{"client_token":"hvs.CAESI","lease_duration":3600}}`)
}
