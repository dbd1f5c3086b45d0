package run

import (
	"context"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/report"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/images"
)

// upgradePair takes the pair that was just brought up to another release, and keeps the
// report.
func upgradePair(ctx context.Context, a order, f found, l *living) (judged, error) {
	source, replica := specs(a, f.image)
	out, err := upgrade.Run(ctx, upgrade.Job{
		Options: a.Upgrade.Options, From: target(f.image), To: target(f.to), Source: source, Replica: replica,
		Pair: l.pair, Promised: a.promised, Secrets: a.secrets, Dir: f.dir, Journal: a.journal, Rate: a.Rate,
		Write: func(ctx context.Context, beside load.Workload) (*load.Team, error) {
			err := write(ctx, a, f, l, beside)
			return l.team, err
		},
		Claims: all.For(a.promised), Gaps: all.Gaps,
		Judge: func(ctx context.Context, c claim.Claim, s claim.Subject, dir *evidence.Dir) evidence.Outcome {
			return lookFor(ctx, a, c, s, dir)
		},
		Programs: func(ctx context.Context, image string, s topology.Spec) (map[topology.Role]string, error) {
			return cluster.ProgramsOf(ctx, f.objects, image, s)
		},
		Report: compare.Report{Run: f.dir.Name(), Profile: a.promised.Name, Command: a.Command, Start: a.start},
	})
	r := out.Report
	j := judged{
		claims: out.Claims, gaps: out.Gaps,
		upgrade: &evidence.Upgrade{From: r.From, To: r.To, Headline: r.Verdict.Headline, Taken: r.Verdict.Taken, Exit: r.Exit},
	}
	if l.team != nil {
		j.workload = endWriters(a, l)
	}
	if kept := report.WriteUpgrade(f.dir, r); kept != nil {
		a.journal.Say("upgrade", "", "", brief.Error(kept))
	}
	return j, err
}

func target(i images.Image) upgrade.Target {
	return upgrade.Target{Release: i.Release, Layout: i.Layout, Image: i.Ref, Build: compare.Build{
		Release: i.Release.String(), TarballSHA256: i.TarballSHA256, ImageID: i.ID, Listed: i.Listed,
	}}
}
