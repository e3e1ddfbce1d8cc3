package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/identity"
)

// table starts a table on the output. Flush writes it.
func (c userCall) table(head string) *tabwriter.Writer {
	w := tabwriter.NewWriter(c.t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	return w
}

func userToken(ctx context.Context, c userCall) error {
	spec, err := c.tokenSpec(ctx)
	if err != nil {
		return err
	}
	token, err := c.people.NewToken(ctx, c.name, spec)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.t.out, token)
	return nil
}

// tokenSpec reads the flags. Without any, the token is limited only by its account.
func (c userCall) tokenSpec(ctx context.Context) (accounts.TokenSpec, error) {
	spec := accounts.EveryToken(c.token.label)
	switch {
	case c.token.days < 0:
		return spec, usagef("-days is how many days the token is valid: at least 1")
	case c.token.days > 0:
		spec.Until = time.Now().AddDate(0, 0, c.token.days)
	}
	if c.token.actions != "" {
		spec.Actions, spec.Metrics = 0, false
		for name := range strings.SplitSeq(c.token.actions, ",") {
			if name = strings.TrimSpace(name); name == "metrics" {
				spec.Metrics = true
				continue
			}
			a, err := access.ParseAction(name)
			if err != nil {
				return spec, usagef("%v, metrics", err)
			}
			spec.Actions |= access.Rights(a)
		}
	}
	if c.token.cameras == "" {
		return spec, nil
	}
	known, err := identity.New(c.people.DB(), time.Now).CameraNames(ctx)
	if err != nil {
		return spec, err
	}
	spec.Cameras = []access.Camera{}
	for name := range strings.SplitSeq(c.token.cameras, ",") {
		id, err := cameraNamed(known, strings.TrimSpace(name))
		if err != nil {
			return spec, err
		}
		spec.Cameras = append(spec.Cameras, id)
	}
	return spec, nil
}

// cameraNamed finds a camera by its id in the configuration.
func cameraNamed(known map[access.Camera]string, name string) (access.Camera, error) {
	var all []string
	for id, n := range known {
		if n == name {
			return id, nil
		}
		all = append(all, n)
	}
	if len(all) == 0 {
		return access.Camera{}, errors.New("no camera is known yet: start \"nvr run\" once, then name them")
	}
	slices.Sort(all)
	return access.Camera{}, fmt.Errorf("there is no camera %q; the cameras are %s", name, strings.Join(all, ", "))
}

func userTokens(ctx context.Context, c userCall) error {
	tokens, err := c.people.Tokens(ctx, c.name)
	if err != nil {
		return err
	}
	names, err := identity.New(c.people.DB(), time.Now).CameraNames(ctx)
	if err != nil {
		return err
	}
	w := c.table("ID\tLABEL\tMADE\tLAST USE\tUNTIL\tMAY\tON")
	for _, t := range tokens {
		may := t.Actions.Names()
		if t.Metrics {
			may = append(may, "metrics")
		}
		on := "all cameras"
		if t.Cameras != nil {
			on = cameraList(t.Cameras, names)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, orDash(t.Label), c.day(t.Created), c.day(t.Used), c.day(t.Until), strings.Join(may, ","), on)
	}
	return w.Flush()
}

func userTokenOff(ctx context.Context, c userCall) error {
	id, err := c.number()
	if err != nil {
		return err
	}
	if err := c.people.RemoveToken(ctx, c.name, id); err != nil {
		return err
	}
	fmt.Fprintf(c.t.out, "removed token %d of %s\n", id, c.name)
	return nil
}

func userSessions(ctx context.Context, c userCall) error {
	if c.end {
		n, err := c.people.EndSessionsOf(ctx, c.name)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.t.out, "ended %d sessions of %s\n", n, c.name)
		return nil
	}
	sessions, err := c.people.SessionsOf(ctx, c.name)
	if err != nil {
		return err
	}
	w := c.table("LOGIN\tLAST USE\tFROM\tBROWSER")
	for _, s := range sessions {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.minute(s.Created), c.minute(s.Used), orDash(s.Address), orDash(s.Agent))
	}
	return w.Flush()
}

// day formats a date, or a dash for none.
func (c userCall) day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return format.Date(t.In(c.zone))
}

func (c userCall) minute(t time.Time) string { return format.Minute(t.In(c.zone)) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
