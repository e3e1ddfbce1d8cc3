package onvif_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"keepwatch.internal/internal/onvif"
	"keepwatch.internal/internal/onvif/onviftest"
)

// quirky returns the plain camera with a login and one quirk.
func quirky(login onviftest.Login, q onviftest.Quirks) onviftest.Vendor {
	v := onviftest.Plain()
	v.Login, v.Realm, v.Quirks = login, "realm", q
	return v
}

// TestEveryQuirkAloneIsOvercome reads and hears a camera with each of the quirks.
func TestEveryQuirkAloneIsOvercome(t *testing.T) {
	const token, digest = onviftest.Token, onviftest.Digest
	for name, v := range map[string]onviftest.Vendor{
		"none":                        quirky(onviftest.NoLogin, onviftest.Quirks{}),
		"token":                       quirky(token, onviftest.Quirks{}),
		"digest":                      quirky(digest, onviftest.Quirks{}),
		"digest of RFC 2069":          quirky(onviftest.OldDigest, onviftest.Quirks{}),
		"digest with SHA-256":         quirky(onviftest.SHA256Digest, onviftest.Quirks{}),
		"no profiles without login":   quirky(onviftest.EmptyLogin, onviftest.Quirks{}),
		"relative time ends at once":  quirky(token, onviftest.Quirks{RelativeTimeBroken: true}),
		"relative time is refused":    quirky(token, onviftest.Quirks{RelativeTimeRefused: true}),
		"and the clock is wrong":      quirky(token, onviftest.Quirks{RelativeTimeRefused: true, ClockOffset: -9 * time.Hour}),
		"minutes read as seconds":     quirky(token, onviftest.Quirks{UnitsIgnored: true}),
		"crashes on renewals":         quirky(token, onviftest.Quirks{CrashesOnRenewals: true}),
		"and grants nothing":          quirky(token, onviftest.Quirks{CrashesOnRenewals: true, GrantsNothing: true}),
		"unsubscribe ends all":        quirky(token, onviftest.Quirks{UnsubscribeEndsAll: true}),
		"does not renew":              quirky(token, onviftest.Quirks{NoRenew: true}),
		"reference parameters":        quirky(token, onviftest.Quirks{EchoParameters: true}),
		"address with two ports":      quirky(token, onviftest.Quirks{Address: "http://ADDRESS:8106"}),
		"no address":                  quirky(token, onviftest.Quirks{Address: "-"}),
		"address of another network":  quirky(token, onviftest.Quirks{Address: "http://10.1.1.1"}),
		"address without a host":      quirky(token, onviftest.Quirks{Address: "http://"}),
		"a port that is closed":       quirky(token, onviftest.Quirks{Address: "http://10.1.1.1:8106:8106"}),
		"services elsewhere":          quirky(digest, onviftest.Quirks{ServiceHost: "192.168.77.1:80"}),
		"one subscription":            quirky(token, onviftest.Quirks{MaxSubscriptions: 1}),
		"says it has no pull point":   quirky(token, onviftest.Quirks{DeniesPullPoint: true}),
		"no GetServices":              quirky(token, onviftest.Quirks{NoGetServices: true}),
		"no GetCapabilities":          quirky(token, onviftest.Quirks{NoGetCapabilities: true}),
		"event service not named":     quirky(token, onviftest.Quirks{NoEventAddress: true}),
		"drops idle polls":            quirky(token, onviftest.Quirks{DropsIdlePolls: 4 * time.Second}),
		"answers at once":             quirky(token, onviftest.Quirks{AnswersAtOnce: true}),
		"waits 20 s at most":          quirky(token, onviftest.Quirks{MaxTimeout: 20 * time.Second}),
		"snapshot faults":             quirky(token, onviftest.Quirks{NoSnapshot: "fault"}),
		"snapshot without address":    quirky(token, onviftest.Quirks{NoSnapshot: "empty"}),
		"times that are none":         quirky(token, onviftest.Quirks{BrokenTimes: true}),
		"bytes that are not UTF-8":    quirky(token, onviftest.Quirks{BadUTF8: true}),
		"a nonce for each request":    quirky(digest, onviftest.Quirks{ForgetsNonces: true}),
		"clock in 1970":               quirky(token, onviftest.Quirks{Clock1970: true}),
		"local time only":             quirky(token, onviftest.Quirks{LocalTimeOnly: true, ClockOffset: -30 * time.Second}),
		"no time":                     quirky(token, onviftest.Quirks{NoDate: true}),
		"network not for the user":    quirky(token, onviftest.Quirks{OperatorOnly: true}),
		"network not for the digest":  quirky(digest, onviftest.Quirks{OperatorOnly: true}),
		"echoes the password":         quirky(token, onviftest.Quirks{EchoesPassword: true}),
		"its own port behind another": behindRouter(),
	} {
		if v.Quirks.LocalTimeOnly {
			v.Zone, v.East = "not a zone", -3*time.Hour
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { readVendor(t, v) })
			synctest.Test(t, func(t *testing.T) { hearVendor(t, v) })
		})
	}
}

// behindRouter is a camera whose port 80 is reached as port 8080.
func behindRouter() onviftest.Vendor {
	v := quirky(onviftest.Token, onviftest.Quirks{ServiceHost: "192.168.77.1:80"})
	v.Port = "8080"
	return v
}

func TestSubscriptionsAreRenewedSeldom(t *testing.T) {
	for name, c := range map[string]struct {
		quirks                onviftest.Quirks
		creates, fewest, most int
	}{
		"plain":             {onviftest.Quirks{}, 1, 7, 8},
		"grants nothing":    {onviftest.Quirks{GrantsNothing: true}, 1, 40, 61},
		"relative broken":   {onviftest.Quirks{RelativeTimeBroken: true}, 2, 7, 9},
		"relative refused":  {onviftest.Quirks{RelativeTimeRefused: true}, 2, 7, 8},
		"grants 40 s":       {onviftest.Quirks{ShortGrant: 40 * time.Second}, 2, 90, 120},
		"times are unread":  {onviftest.Quirks{BrokenTimes: true}, 1, 40, 61},
		"cannot be renewed": {onviftest.Quirks{NoRenew: true}, 1, 1, 9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				camera, client, log := start(t, quirky(onviftest.Token, c.quirks))
				e := listen(t, client)
				pass(time.Hour)
				created, renewed := camera.Asked("CreatePullPointSubscription")-1, camera.Asked("Renew") // the first is asked without the login
				if !e.heard() || created != c.creates || renewed < c.fewest || renewed > c.most {
					t.Errorf("heard %v, %d subscriptions, %d renewals\n%s", e.heard(), created, renewed, log)
				}
				e.stop()
				<-e.over
			})
		})
	}
}

func TestACameraThatRestartsIsHeardAgain(t *testing.T) {
	// One says that it does not know the subscription; the other that something is wrong with the request.
	for name, q := range map[string]onviftest.Quirks{"says so": {}, "says nothing": {EchoParameters: true}} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { restart(t, quirky(onviftest.Token, q)) }) })
	}
}

func restart(t *testing.T, v onviftest.Vendor) {
	camera, client, log := start(t, v)
	motion := camera.Vendor.Reports[0]
	e := listen(t, client)
	pass(10 * time.Second)
	for _, away := range []time.Duration{5 * time.Second, 2 * time.Minute, 5 * time.Hour} {
		camera.Emit(motion.Begin)
		pass(time.Second)
		if got := e.take(); !slices.Equal(got, []string{"motion on"}) {
			t.Fatalf("before: %v", got)
		}
		camera.Switch(false)
		pass(away)
		camera.Switch(true)
		pass(15 * time.Second)
		if got := e.take(); !slices.Equal(got, []string{"motion unknown"}) || !e.heard() {
			t.Fatalf("15 s after it was away for %v: %v, heard %v\n%s", away, got, e.heard(), log)
		}
		pass(10 * time.Minute)
	}
	if _, most := camera.Subscriptions(); most != 1 {
		t.Errorf("at most %d subscriptions", most)
	}
	e.stop()
	<-e.over
}

func TestNothingStaysOnWhenASubscriptionIsKilled(t *testing.T) {
	for name, q := range map[string]onviftest.Quirks{"says so": {}, "says nothing": {EchoParameters: true}} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { kill(t, quirky(onviftest.Digest, q)) }) })
	}
}

func kill(t *testing.T, v onviftest.Vendor) {
	camera, client, _ := start(t, v)
	motion := camera.Vendor.Reports[0]
	e := listen(t, client)
	pass(10 * time.Second)
	camera.Emit(motion.Begin)
	pass(time.Second)
	camera.Kill()
	camera.Emit(*motion.End) // nobody is told
	pass(20 * time.Second)
	if got := e.take(); !slices.Equal(got, []string{"motion on", "motion unknown", "motion off"}) {
		t.Errorf("%v", got)
	}
	last := e.status[len(e.status)-1]
	if !last.Heard || last.Granted != 10*time.Minute {
		t.Errorf("status %+v", last)
	}
	camera.Emit(motion.Begin)
	pass(time.Second)
	e.stop()
	<-e.over
	if got := e.take(); !slices.Equal(got, []string{"motion on", "motion unknown"}) {
		t.Errorf("at the end: %v", got)
	}
}

func TestAFrozenCameraIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera, client, _ := start(t, quirky(onviftest.Token, onviftest.Quirks{}))
		e := listen(t, client)
		pass(10 * time.Second)
		camera.Emit(camera.Vendor.Reports[0].Begin)
		pass(time.Second)
		camera.Freeze()
		pass(3 * time.Minute)
		if got := e.take(); !slices.Equal(got, []string{"motion on", "motion unknown"}) || e.heard() {
			t.Errorf("after three minutes: %v, heard %v", got, e.heard())
		}
		pass(2 * time.Hour)
		if n := camera.Unanswered(); n > 60 {
			t.Errorf("it was asked %d times", n)
		}
		camera.Thaw()
		pass(6 * time.Minute)
		if !e.heard() {
			t.Errorf("not heard: %+v", e.status)
		}
		if now, most := camera.Subscriptions(); now != 1 || most != 1 {
			t.Errorf("%d subscriptions, at most %d", now, most)
		}
		e.stop()
		<-e.over
	})
}

func TestASubscriptionThatOthersLeftIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera, client, _ := start(t, quirky(onviftest.NoLogin, onviftest.Quirks{MaxSubscriptions: 1, NoRenew: false}))
		other, err := onvif.New(onvif.Options{Address: camera.Address(), Dial: camera.Dial})
		if err != nil {
			t.Fatal(err)
		}
		left := listen(t, other)
		pass(10 * time.Second)
		camera.Abandon() // its owner never comes back
		left.stop()
		<-left.over
		other.Close()
		e := listen(t, client)
		pass(5 * time.Minute)
		if e.heard() {
			t.Fatal("heard, while the camera has no subscription left")
		}
		pass(12 * time.Minute)
		if n := camera.Asked("CreatePullPointSubscription"); !e.heard() || n > 15 {
			t.Errorf("heard %v, asked %d times", e.heard(), n)
		}
		e.stop()
		<-e.over
	})
}

func TestACameraMayWantBothLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera, client, _ := start(t, quirky(onviftest.BothLogins, onviftest.Quirks{}))
		profiles, err := client.Profiles(t.Context())
		if err != nil || len(profiles) != 2 || profiles[0].StreamURI == "" || camera.Refused() != 1 {
			t.Errorf("%+v, %v, %d refused", profiles, err, camera.Refused())
		}
		if _, err := client.Device(t.Context()); err != nil || camera.Refused() != 1 {
			t.Errorf("%v, %d refused", err, camera.Refused())
		}
	})
}

func TestAPasswordThatChangesEndsTheEvents(t *testing.T) {
	for _, login := range []onviftest.Login{onviftest.Token, onviftest.Digest} {
		t.Run(fmt.Sprint(login), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				camera, client, _ := start(t, quirky(login, onviftest.Quirks{}))
				e := listen(t, client)
				pass(10 * time.Second)
				camera.SetPassword("another")
				pass(time.Hour)
				select {
				case <-e.over:
				default:
					t.Fatal("it goes on")
				}
				if !errors.Is(e.err, onvif.ErrRefused) || camera.Refused() > 3 {
					t.Errorf("%v, %d refused", e.err, camera.Refused())
				}
			})
		})
	}
}

func TestAWrongClockIsLearntAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera, client, log := start(t, quirky(onviftest.Token, onviftest.Quirks{}))
		e := listen(t, client)
		pass(10 * time.Second)
		camera.Switch(false)
		camera.SetClock(-400 * 24 * time.Hour)
		pass(time.Minute)
		camera.Switch(true)
		pass(15 * time.Second)
		if !e.heard() || camera.Refused() != 1 {
			t.Errorf("heard %v, %d refused\n%s", e.heard(), camera.Refused(), log)
		}
		e.stop()
		<-e.over
	})
}
