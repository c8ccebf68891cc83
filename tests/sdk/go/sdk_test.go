// The Go SDK and the JWT libraries of Go, unmodified, on a real server that the environment names.
package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	jwt3 "github.com/golang-jwt/jwt"
	jwt4 "github.com/golang-jwt/jwt/v4"
	"github.com/upstash/qstash-go"
)

type delivery struct {
	url, body, signature, retried string
}

// app records what is delivered and answers 200.
func app(t *testing.T) (string, chan delivery) {
	got := make(chan delivery, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- delivery{
			"http://" + r.Host + r.URL.String(),
			string(body),
			r.Header.Get("Upstash-Signature"),
			r.Header.Get("Upstash-Retried"),
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func one(t *testing.T, got chan delivery) delivery {
	select {
	case found := <-got:
		return found
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was delivered")
		return delivery{}
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t *testing.T, ok bool, what any) {
	t.Helper()
	if !ok {
		t.Fatal(what)
	}
}

func TestAPublishArrivesAndTheReceiverTakesIt(t *testing.T) {
	url, got := app(t)
	client := qstash.NewClientWithEnv()
	sent := must[qstash.PublishOrEnqueueResponse](t)(client.PublishJSON(qstash.PublishJSONOptions{
		Url: url + "/orders?a=1", Body: map[string]any{"id": 7},
	}))
	check(t, sent.MessageId != "", sent)
	found := one(t, got)
	check(t, found.body == `{"id":7}` && found.retried == "0", found)
	receiver := qstash.NewReceiverWithEnv()
	options := qstash.VerifyOptions{Signature: found.signature, Body: found.body, Url: found.url}
	check(t, receiver.Verify(options) == nil, found)
	options.Body = `{"id":8}`
	check(t, receiver.Verify(options) != nil, "a changed body was taken")
}

// The Fly.io quickstart and its copies ask for `nbf` with golang-jwt v3 or v4.
func TestEveryGolangJwtTakesTheSignature(t *testing.T) {
	url, got := app(t)
	_, err := qstash.NewClientWithEnv().Publish(qstash.PublishOptions{Url: url, Body: "hi"})
	check(t, err == nil, err)
	token := one(t, got).signature
	key := []byte(os.Getenv("QSTASH_CURRENT_SIGNING_KEY"))
	three, err := jwt3.Parse(token, func(*jwt3.Token) (any, error) { return key, nil })
	check(t, err == nil && three.Valid, err)
	now := time.Now().Unix()
	check(t, three.Claims.(jwt3.MapClaims).VerifyNotBefore(now, true), "v3: nbf")
	four, err := jwt4.Parse(token, func(*jwt4.Token) (any, error) { return key, nil })
	check(t, err == nil && four.Valid, err)
	check(t, four.Claims.(jwt4.MapClaims).VerifyNotBefore(now, true), "v4: nbf")
}

func TestAQueueABatchAndAGroup(t *testing.T) {
	url, got := app(t)
	client := qstash.NewClientWithEnv()
	must[qstash.PublishOrEnqueueResponse](t)(client.EnqueueJSON(qstash.EnqueueJSONOptions{
		Queue: "go", PublishJSONOptions: qstash.PublishJSONOptions{Url: url, Body: map[string]any{}},
	}))
	one(t, got)
	check(t, client.UrlGroups().UpsertEndpoints("go", []qstash.Endpoint{{Url: url}, {Url: url + "/b"}}) == nil, "group")
	answers := must[[][]qstash.PublishOrEnqueueResponse](t)(client.BatchJSON([]qstash.BatchJSONOptions{
		{Url: url, Body: map[string]any{"n": 1}},
		{UrlGroup: "go", Body: map[string]any{"n": 2}},
		{Queue: "go", Url: url, Body: map[string]any{"n": 3}},
	}))
	check(t, len(answers) == 3 && len(answers[0]) == 1 && len(answers[1]) == 2, answers)
	for range 4 {
		one(t, got)
	}
	lag := must[qstash.QueueWithLag](t)(client.Queues().Get("go"))
	check(t, lag.Parallelism == 1, lag)
	check(t, client.UrlGroups().Delete("go") == nil, "delete")
}

func TestAMessageAScheduleAndKeysAreRead(t *testing.T) {
	url, _ := app(t)
	client := qstash.NewClientWithEnv()
	sent := must[qstash.PublishOrEnqueueResponse](t)(client.Publish(qstash.PublishOptions{
		Url: url, Body: "later", Delay: "1h", Headers: map[string]string{"Test-Header": "test-value"},
	}))
	message := must[qstash.Message](t)(client.Messages().Get(sent.MessageId))
	check(t, message.Url == url && message.Body == "later", message)
	check(t, client.Messages().Cancel(sent.MessageId) == nil, "cancel")
	_, err := client.Messages().Get(sent.MessageId)
	check(t, err != nil, "a cancelled message is there")
	id := must[string](t)(client.Schedules().Create(qstash.ScheduleOptions{Cron: "0 1 * * *", Destination: url}))
	schedule := must[qstash.Schedule](t)(client.Schedules().Get(id))
	check(t, schedule.Cron == "0 1 * * *" && schedule.Destination == url, schedule)
	check(t, client.Schedules().Pause(id) == nil && client.Schedules().Delete(id) == nil, "schedule")
	keys := must[qstash.SigningKeys](t)(client.Keys().Get())
	check(t, keys.Current == os.Getenv("QSTASH_CURRENT_SIGNING_KEY"), keys)
	events, _, err := client.Events().List(qstash.ListEventsOptions{})
	check(t, err == nil && len(events) > 0, err)
}

func TestARefusalIsAnError(t *testing.T) {
	_, err := qstash.NewClientWithEnv().Publish(qstash.PublishOptions{Url: "example.com"})
	check(t, err != nil, "a destination without a scheme was taken")
}
