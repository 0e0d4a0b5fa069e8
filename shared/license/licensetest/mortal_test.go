package licensetest_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/memstore"
)

// Every method of a store and of a signer is a step to die at, with nothing but the error for an answer.
func TestMortal_DiesAtEveryMethod(t *testing.T) {
	died := 0
	for _, steps := range []reflect.Type{reflect.TypeFor[desk.Store](), reflect.TypeFor[protocol.Signer]()} {
		for method := range steps.Methods() {
			for _, after := range []bool{false, true} {
				process := &licensetest.Mortal{Store: memstore.New(), Signer: noSigner{}, DieAt: 1, After: after}
				for range 2 { // it stays dead
					requireDead(t, process, method)
				}
				require.Equal(t, method.Name, process.DiedAt())
				died++
			}
		}
	}
	require.GreaterOrEqual(t, died, 2*10)
}

func requireDead(t *testing.T, process *licensetest.Mortal, method reflect.Method) {
	t.Helper()
	arguments := []reflect.Value{reflect.ValueOf(context.Background())}
	for n := 1; n < method.Type.NumIn(); n++ {
		arguments = append(arguments, reflect.Zero(method.Type.In(n)))
	}
	replies := reflect.ValueOf(process).MethodByName(method.Name).Call(arguments)
	last := len(replies) - 1
	for _, reply := range replies[:last] {
		require.True(t, reply.IsZero(), "%s answers %v", method.Name, reply)
	}
	require.Equal(t, licensetest.ErrDead, replies[last].Interface(), method.Name)
}

// noSigner signs nothing.
type noSigner struct{}

func (noSigner) Sign(context.Context, protocol.Prepared) (protocol.Signature, error) {
	return protocol.Signature{}, nil
}

func TestMortal_DiesAtItsStepOnly(t *testing.T) {
	process := &licensetest.Mortal{Store: memstore.New(), DieAt: 2}
	_, err := process.Count(context.Background(), "one")
	require.NoError(t, err)
	require.False(t, process.Dead())
	_, err = process.Server(context.Background(), licensetest.Token)
	require.ErrorIs(t, err, licensetest.ErrDead)
	require.True(t, process.Dead())
}
